"""Stock Reticulum on virtual RNode-compatible modems (VIR-40 to VIR-42).

    rnode.py DIRECTORY PORT PORT

Two nodes, each a process of its own with a directory below DIRECTORY and one RNode interface whose
port is given: a pseudo-terminal, or tcp://HOST. Checks that both accept their modem, that announces
and proven packets cross in both directions, and that statistics arrive. Prints a line for each
check; exits with 0 only if all held.

Nothing leaves the machine: no shared instance, no other interface, configuration only in DIRECTORY.
"""

import hashlib
import json
import os
import queue
import subprocess
import sys
import threading
import time

SETTINGS = {
    "frequency": 869525000,
    "bandwidth": 125000,
    "txpower": 14,
    "spreadingfactor": 7,
    "codingrate": 5,
}
SIZES = (10, 200, 383)
START_S = 60
ANSWER_S = 60


# --- a node: commands as JSON lines on standard input, events on standard output ----------------


def say(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def write_config(directory, port):
    os.makedirs(directory, exist_ok=True)
    lines = [
        "[reticulum]",
        "enable_transport = No",
        "share_instance = No",
        "panic_on_interface_error = No",
        "[logging]",
        "loglevel = 6",
        "[interfaces]",
        "[[Radio]]",
        "type = RNodeInterface",
        "enabled = Yes",
        f"port = {port}",
    ]
    lines += [f"{key} = {value}" for key, value in SETTINGS.items()]
    with open(os.path.join(directory, "config"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


class Node:
    def __init__(self, directory):
        import RNS

        self.rns = RNS
        RNS.Reticulum(configdir=directory, logdest=RNS.LOG_FILE)
        self.radio = RNS.Transport.interfaces[0]
        identity = RNS.Identity()
        self.destination = RNS.Destination(
            identity, RNS.Destination.IN, RNS.Destination.SINGLE, "peers", "test"
        )
        self.destination.set_proof_strategy(RNS.Destination.PROVE_ALL)
        self.destination.set_packet_callback(self.received)
        RNS.Transport.register_announce_handler(self)

    aspect_filter = "peers.test"

    def received_announce(self, destination_hash, announced_identity, app_data):
        say(event="announce", of=destination_hash.hex())

    def received(self, data, packet):
        digest = hashlib.sha256(data).hexdigest()
        say(event="packet", size=len(data), sha256=digest, rssi=packet.rssi, snr=packet.snr)

    def send(self, to, size):
        rns = self.rns
        identity = rns.Identity.recall(bytes.fromhex(to))
        destination = rns.Destination(
            identity, rns.Destination.OUT, rns.Destination.SINGLE, "peers", "test"
        )
        data = os.urandom(size)
        receipt = rns.Packet(destination, data).send()
        receipt.set_timeout(ANSWER_S)
        receipt.set_delivery_callback(
            lambda receipt: say(event="proved", size=size, rtt=receipt.get_rtt())
        )
        receipt.set_timeout_callback(lambda receipt: say(event="unproved", size=size))
        say(event="sent", size=size, sha256=hashlib.sha256(data).hexdigest())

    def state(self):
        radio = self.radio
        say(
            event="state",
            online=radio.online,
            frequency=radio.r_frequency,
            bandwidth=radio.r_bandwidth,
            txpower=radio.r_txpower,
            spreadingfactor=radio.r_sf,
            codingrate=radio.r_cr,
            bitrate=radio.bitrate,
            airtime=radio.r_airtime_short,
            airtime_long=radio.r_airtime_long,
            load=radio.r_channel_load_short,
            noise=radio.r_noise_floor,
            symbol_ms=radio.r_symbol_time_ms,
            slot_ms=radio.r_csma_slot_time_ms,
            window_max=radio.r_csma_cw_max,
            firmware=[radio.maj_version, radio.min_version],
        )

    def run(self):
        say(event="ready", address=self.destination.hash.hex())
        for line in sys.stdin:
            command = json.loads(line)
            if command["do"] == "announce":
                self.destination.announce()
            elif command["do"] == "send":
                self.send(command["to"], command["size"])
            elif command["do"] == "state":
                self.state()
            elif command["do"] == "end":
                break
        self.rns.exit()


# --- the test -----------------------------------------------------------------------------------


class Failed(Exception):
    pass


class Child:
    """A node in a process of its own."""

    def __init__(self, directory, port):
        write_config(directory, port)
        self.directory = directory
        self.events = queue.Queue()
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "node", directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "HOME": directory},
            text=True,
        )
        threading.Thread(target=self.read, daemon=True).start()
        self.address = self.wait("ready", START_S)["address"]

    def read(self):
        for line in self.process.stdout:
            try:
                self.events.put(json.loads(line))
            except ValueError:
                pass

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def wait(self, kind, seconds=ANSWER_S, **fields):
        """The next event of a kind with these fields; others before it are dropped."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                event = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise Failed(f"no {kind} {fields or ''} in {seconds} s") from None
            if event["event"] == kind and all(event[key] == fields[key] for key in fields):
                return event

    def state(self):
        self.tell(do="state")
        return self.wait("state")

    def until(self, what, holds, seconds=START_S):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = self.state()
            if holds(state):
                return state
            time.sleep(0.25)
        raise Failed(f"{what} is not so after {seconds} s: {state}")

    def log(self):
        path = os.path.join(self.directory, "logfile")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def end(self):
        try:
            self.tell(do="end")
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


def vir_40_stock_reticulum_accepts_the_modem(node):
    """Start-up, settings as asked for, statistics."""
    state = node.until("the interface is online", lambda state: state["online"])
    for key, value in SETTINGS.items():
        tolerance = 100 if key == "frequency" else 0
        if abs(state[key] - value) > tolerance:
            raise Failed(f"{key} is {state[key]}, not {value}")
    if state["bitrate"] is None or not 5400 < state["bitrate"] < 5500:
        raise Failed(f"the bit rate is {state['bitrate']}")
    if state["firmware"] != [1, 86]:
        raise Failed(f"the firmware is {state['firmware']}")
    state = node.until("statistics are there", lambda state: state["noise"] is not None)
    if state["noise"] != -118:
        raise Failed(f"the noise floor is {state['noise']}")
    if state["window_max"] != 14:
        raise Failed(f"the contention window ends at {state['window_max']}")
    if (state["symbol_ms"], state["slot_ms"]) != (1.024, 24):
        raise Failed(f"symbols of {state['symbol_ms']} ms, slots of {state['slot_ms']} ms")


def vir_41_announces_and_proven_packets_cross(nodes):
    """In both directions, 10, 200 and 383 bytes, each proven once and received unaltered."""
    for one, other in (nodes, nodes[::-1]):
        one.tell(do="announce")
        other.wait("announce", of=one.address)
    for one, other in (nodes, nodes[::-1]):
        for size in SIZES:
            one.tell(do="send", to=other.address, size=size)
            digest = one.wait("sent", size=size)["sha256"]
            packet = other.wait("packet", size=size, sha256=digest)
            if packet["rssi"] is None or not -100 < packet["rssi"] < -20:
                raise Failed(f"a packet came with an RSSI of {packet['rssi']}")
            if packet["snr"] is None or packet["snr"] < 10:
                raise Failed(f"a packet came with an SNR of {packet['snr']}")
            rtt = one.wait("proved", size=size)["rtt"]
            print(f"    {size} bytes, {packet['rssi']} dBm, proof after {rtt:.2f} s", flush=True)


def vir_42_statistics_tell_of_the_traffic(nodes):
    """Own air time and channel load, of which own air time is only a part."""
    for node in nodes:
        state = node.until("air time is shown", lambda state: state["airtime_long"] > 0, 10)
        if not 0 < state["airtime_long"] <= 100:
            raise Failed(f"air time {state['airtime_long']} %")
        if state["load"] < state["airtime"]:
            raise Failed(f"load {state['load']} % with own air time {state['airtime']} %")
        if state["window_max"] not in (14, 29):
            raise Failed(f"the contention window ends at {state['window_max']}")
        text = node.log()
        for word in ("[Error]", "[Critical]", "Traceback"):
            if word in text:
                raise Failed(f"{word} in the log")


def check(what, *arguments):
    try:
        what(*arguments)
    except Failed as failure:
        print(f"FAILED: {what.__name__}: {failure}", flush=True)
        return False
    print(f"ok: {what.__name__}", flush=True)
    return True


def main(directory, ports):
    nodes = []
    held = False
    try:
        for name, port in zip(("anna", "ben"), ports):
            nodes.append(Child(os.path.join(directory, name), port))
        held = all(check(vir_40_stock_reticulum_accepts_the_modem, node) for node in nodes)
        held = held and check(vir_41_announces_and_proven_packets_cross, nodes)
        held = held and check(vir_42_statistics_tell_of_the_traffic, nodes)
    except Failed as failure:
        print(f"FAILED: {failure}", flush=True)
    finally:
        for node in nodes:
            node.end()
    if not held:
        for node in nodes:
            print("\n".join(node.log().splitlines()[-40:]), file=sys.stderr)
    return 0 if held else 1


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "node":
        Node(sys.argv[2]).run()
    elif len(sys.argv) == 4:
        sys.exit(main(sys.argv[1], sys.argv[2:]))
    else:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
