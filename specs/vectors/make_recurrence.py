#!/usr/bin/env python3
"""Writes recurrence.json: rules made at random, and what python-dateutil 2.9 makes of them
(specs/37-fapp-calendar.md, CAL-26). Times are seconds since 1970 on the wall clock of the rule.

Left out is what dateutil reads otherwise than RFC 5545: days of the week of which some are counted
and some are not (it wants both at once, the RFC either).
"""
import calendar, datetime, json, pathlib, random
from dateutil.rrule import rrulestr

RULES, FIRST, SEED = 240, 60, 5545
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
FROM = datetime.datetime(2026, 12, 1)
OFTEN = ("HOURLY", "MINUTELY")


def some(rng, values, most):
    return sorted(rng.sample(list(values), rng.randint(1, most)))


def days(rng, counted):
    return [f"{rng.choice([-1, 1, 2, 3, 4])}{day}" if counted else day
            for day in rng.sample(DAYS, rng.randint(1, 3))]


def parts(rng, every):
    yield "FREQ", [every]
    if rng.random() < 0.5:
        yield "INTERVAL", [rng.randint(1, 90 if every in OFTEN else 6)]
    if rng.random() < 0.3:
        yield "BYMONTH", some(rng, range(1, 13), 3)
    if rng.random() < 0.3 and every != "WEEKLY":
        yield "BYMONTHDAY", some(rng, [d for d in range(-31, 32) if d], 3)
    if rng.random() < 0.15 and every in ("YEARLY",) + OFTEN:
        yield "BYYEARDAY", some(rng, [d for d in range(-366, 367) if d], 4)
    if rng.random() < 0.2 and every == "YEARLY":
        yield "BYWEEKNO", some(rng, [w for w in range(-53, 54) if w], 3)
    elif rng.random() < 0.5:
        yield "BYDAY", days(rng, every in ("YEARLY", "MONTHLY") and rng.random() < 0.5)
    if rng.random() < 0.2:
        yield "BYHOUR", some(rng, range(24), 3)
    if rng.random() < 0.2:
        yield "BYMINUTE", some(rng, range(60), 3)
    if rng.random() < 0.2 and every not in OFTEN:
        yield "BYSETPOS", some(rng, [-3, -2, -1, 1, 2, 3, 5], 2)
    if rng.random() < 0.3:
        yield "WKST", [rng.choice(DAYS)]
    if rng.random() < 0.3:
        yield "COUNT", [rng.choice([1, 3, 10, 400])]
    elif rng.random() < 0.2:
        end = FROM + datetime.timedelta(hours=rng.randint(-2000, 8000))
        yield "UNTIL", [end.strftime("%Y%m%dT%H%M%S")]


def vector(rng):
    every = rng.choice(["YEARLY", "MONTHLY", "MONTHLY", "WEEKLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"])
    given = list(parts(rng, every))
    names = {name for name, _ in given}
    # Of hours and minutes that a step never meets dateutil makes an error; the RFC, nothing.
    if every in OFTEN and "INTERVAL" in names and names & {"BYHOUR", "BYMINUTE"}:
        return None
    if "BYSETPOS" in names and not names & {"BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYHOUR"}:
        return None
    rule = ";".join(f"{name}={','.join(map(str, values))}" for name, values in given)
    back = rng.choice([0, 20, 300, 1_000] if every == "MINUTELY" else [0, 20, 300, 1_000, 10_000])
    start = FROM + datetime.timedelta(days=40 - rng.randint(0, back + 60),
                                      minutes=15 * rng.randrange(96))
    to = FROM + datetime.timedelta(days=30 if every in OFTEN else 400)
    found = []
    for at in rrulestr(rule, dtstart=start):
        if at >= to or len(found) > FIRST:
            break
        if at >= FROM:
            found.append(calendar.timegm(at.timetuple()))
    return {
        "rule": rule, "start": calendar.timegm(start.timetuple()), "start_text": start.strftime("%Y%m%dT%H%M%S"),
        "from": calendar.timegm(FROM.timetuple()), "to": calendar.timegm(to.timetuple()),
        "first": found[:FIRST], "more": len(found) > FIRST,
    }


def main():
    rng = random.Random(SEED)
    vectors = []
    while len(vectors) < RULES:
        made = vector(rng)
        if made:
            vectors.append(made)
    lines = ",\n".join(json.dumps(made, separators=(",", ":")) for made in vectors)
    pathlib.Path(__file__).with_name("recurrence.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
