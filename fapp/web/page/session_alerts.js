// "Tell me when a slot like this appears": looked for in this browser, in what it has loaded.
Object.assign(Session.prototype, {
  alerts() {
    const fits = ({ query }) => {
      try {
        return this.search(query);
      } catch {
        return [];
      }
    };
    return this.store.read("alerts", []).map((alert) => {
      const seen = new Set(alert.seen);
      return { id: alert.id, query: alert.query, label: alert.label, hits: fits(alert).filter((slot) => !seen.has(slot.id)) };
    });
  },

  // What fits already is no news.
  addAlert(query, label) {
    const alerts = this.store.read("alerts", []);
    if (alerts.length >= 32) throw new Error(Language.say("error_too_many_alerts"));
    const id = Core.hex(crypto.getRandomValues(new Uint8Array(8)));
    alerts.push({ id, query: clean(query), label, seen: this.search(query).map((slot) => slot.id) });
    this.store.write("alerts", alerts);
    this.changed();
    return id;
  },

  removeAlert(id) {
    this.store.write("alerts", this.store.read("alerts", []).filter((alert) => alert.id !== id));
    this.changed();
  },

  // Slots that are gone need not be remembered as seen.
  lookForAlerts() {
    const there = new Set(this.core.call({ op: "search", now: Core.now(), query: { limit: 60000 } }).map((slot) => slot.id));
    const alerts = this.store.read("alerts", []);
    for (const alert of alerts) alert.seen = alert.seen.filter((id) => there.has(id));
    if (alerts.length) this.store.write("alerts", alerts);
  },
});
