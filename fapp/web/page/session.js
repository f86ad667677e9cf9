// One person's session: the core, what is kept, and the node. The page asks it and is told of changes.
class Session {
  constructor({ core, store, client, node, mode, origin, hash }) {
    Object.assign(this, { core, store, client, node, mode, origin, hash });
    this.words = core.call({ op: "words" });
    this.words.sprachen = ["de", "en", "tr", "ar", "ru", "uk", "fa", "pl", "fr", "es", "it", "ro", "ku", "bg", "sq", "vi"];
    this.listeners = [];
    this.state = null;
    this.fetched = { regions: [], at: null, announces: 0, slots: 0 };
    this.settled = Promise.resolve();
    this.unsaved = null;
    this.regions = new Map();
  }

  // What was kept is played back; what does not hold is deleted.
  open() {
    for (const name of this.core.call({ op: "restore", now: Core.now(), rows: this.store.rows() })) {
      this.store.set("row:" + name, null);
    }
    addEventListener("storage", (event) => {
      // Another window of this page changed something: begin again with what is kept now.
      if (event.key === null || event.key.startsWith(this.store.prefix + "row:")) this.reopen();
    });
    this.settle();
    this.timer = setInterval(() => this.pulse(), 5000);
    this.pulse();
  }

  reopen() {
    clearTimeout(this.reopening);
    this.reopening = setTimeout(() => {
      const seed = crypto.getRandomValues(new Uint8Array(32));
      this.core.call({ op: "start", seed: Core.hex(seed) });
      for (const bytes of this.regions.values()) this.core.call({ op: "load", now: Core.now() }, bytes);
      this.core.call({ op: "restore", now: Core.now(), rows: this.store.rows() });
      this.changed();
    }, 200);
  }

  on(_, listener) {
    this.listeners.push(listener);
  }

  changed() {
    for (const listener of this.listeners) listener();
  }

  plz(text) {
    return this.core.call({ op: "plz", text });
  }

  places() {
    this.middles ??= this.core.call({ op: "places" });
    return this.middles;
  }

  regionsFor(query) {
    return this.core.call({ op: "regions", query: clean(query) });
  }

  // Fetches the data of regions, and of nothing finer. What was withdrawn since is gone afterwards.
  async load(regions) {
    const fresh = new Map();
    for (const region of regions) fresh.set(region, await this.client.bytes("/v1/region/" + region));
    this.regions = new Map([...this.regions, ...fresh]);
    this.core.call({ op: "unload" });
    let told = { announces: 0, slots: 0 };
    let refused = 0;
    for (const bytes of this.regions.values()) {
      told = this.core.call({ op: "load", now: Core.now() }, bytes);
      refused += told.refused;
    }
    this.fetched = { regions: [...this.regions.keys()].sort(), at: Core.now(), announces: told.announces, slots: told.slots };
    this.lookForAlerts();
    this.changed();
    return { announces: told.announces, slots: told.slots, regions, refused };
  }

  loaded() {
    return this.fetched;
  }

  search(query) {
    return this.core.call({ op: "search", now: Core.now(), query: clean(query) });
  }

  // Reservations: the daemon's own in mode 'own', those of this browser otherwise.
  async reserve(slot, contact) {
    const known = this.core.call({ op: "search", now: Core.now(), query: { limit: 60000 } }).find((s) => s.id === slot);
    let id;
    if (this.mode === "own") {
      id = (await this.client.post("/v1/own/reserve", { slot, contact: contact || null })).id;
      await this.refresh();
    } else {
      this.node = await this.client.json("/v1/node");
      const mailboxes = shuffled(this.node.mailboxes.filter((m) => m !== this.node.address));
      if (this.node.mailboxes.includes(this.node.address)) mailboxes.push(this.node.address);
      this.core.call({ op: "reserve", now: Core.now(), id: slot, text: contact || "", mailboxes });
      do {
        await new Promise((done) => setTimeout(done));
        id = this.core.call({ op: "work", tries: 16384 }).id;
      } while (!id);
      this.settle();
    }
    if (known) this.store.write("about:" + id, { plz: known.plz, modalitaet: known.modalitaet });
    this.pulse();
    this.changed();
    return id;
  }

  async cancel(id) {
    if (this.mode === "own") {
      await this.client.post("/v1/own/cancel", { id });
      await this.refresh();
    } else {
      this.core.call({ op: "cancel", now: Core.now(), id });
      this.settle();
      this.pulse();
    }
    this.changed();
  }

  reservations() {
    const all = this.mode === "own" ? (this.state?.reservations ?? []) : this.core.call({ op: "reservations" });
    return all.map((r) => ({ ...r, ...this.store.read("about:" + r.id, {}) })).sort((a, b) => b.made_at - a.made_at);
  }

  icsOf(id) {
    const of = this.reservations().find((r) => r.id === id);
    if (!of) throw new Error(Language.say("error_unknown_reservation"));
    return appointmentIcs(of);
  }

  // Every change is kept before what depends on it may leave. Without room in the browser nothing leaves.
  settle() {
    const rows = this.core.call({ op: "rows" });
    if (!rows.length) return;
    try {
      for (const [name, value] of rows) this.store.set("row:" + name, value);
      this.unsaved = null;
    } catch (error) {
      this.unsaved = Language.say("error_storage_full");
      throw new Error(this.unsaved);
    }
    this.core.call({ op: "committed" });
  }

  // What is due: letters are put, answers looked for, the practice's state asked for.
  pulse() {
    this.settled = this.settled.then(() => this.work()).catch(() => {});
  }

  async work() {
    if (this.mode === "own") await this.refresh();
    if (this.core.call({ op: "reservations" }).length === 0) return;
    const before = JSON.stringify(this.core.call({ op: "reservations" }));
    this.core.call({ op: "tick", now: Core.now() });
    this.settle();
    const asked = [];
    for (let i = 0; i < 64; i++) {
      const { ok: want, bytes } = this.core.exchange({ op: "question", now: Core.now() });
      if (!want) break;
      if (want.want === "bundle") await this.fetchBundle(want.address);
      else asked.push(this.carry(want, bytes.slice()));
    }
    await Promise.all(asked);
    this.settle();
    if (JSON.stringify(this.core.call({ op: "reservations" })) !== before) this.changed();
  }

  async fetchBundle(address) {
    let bytes = new Uint8Array();
    try {
      bytes = await this.client.bytes("/v1/bundle/" + address);
    } catch {
      // It is asked for again at the next pulse.
    }
    this.core.call({ op: "bundle", id: address }, bytes);
  }

  async carry({ address, token }, body) {
    let bytes = new Uint8Array();
    try {
      const options = { method: "POST", body, headers: { "Content-Type": "application/octet-stream" } };
      bytes = await this.client.bytes("/v1/exchange/" + address, options, 70);
    } catch {
      // Letters are written again by their own clock.
    }
    this.core.call({ op: "answer", now: Core.now(), token }, bytes);
  }

  forget() {
    this.store.forget();
    const seed = crypto.getRandomValues(new Uint8Array(32));
    this.core.call({ op: "start", seed: Core.hex(seed) });
    this.regions = new Map();
    this.fetched = { regions: [], at: null, announces: 0, slots: 0 };
    this.changed();
  }
}
function clean(query) {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== ""));
}

function shuffled(list) {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = crypto.getRandomValues(new Uint32Array(1))[0] % (i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

// RFC 5545: one event, with nothing in it that others could not see in a diary anyway.
function appointmentIcs({ id, start, duration_min }) {
  const utc = (seconds) => new Date(seconds * 1000).toISOString().replace(/[-:]|\.\d+/g, "");
  const lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//quicprochat//Termine//DE",
    "BEGIN:VEVENT",
    "UID:" + id + "@termine.invalid",
    "DTSTAMP:" + utc(Core.now()),
    "DTSTART:" + utc(start),
    "DTEND:" + utc(start + duration_min * 60),
    "SUMMARY:" + Language.say("ics_summary"),
    "STATUS:CONFIRMED",
    "CLASS:PRIVATE",
    "END:VEVENT",
    "END:VCALENDAR",
  ];
  return lines.join("\r\n") + "\r\n";
}
