// The practice, whose node this is: everything is done by the daemon.
Object.assign(Session.prototype, {
  async refresh() {
    const before = JSON.stringify(this.state);
    this.state = await this.client.json("/v1/own/state");
    if (JSON.stringify(this.state) !== before) this.changed();
  },

  practice() {
    return this.state?.practice ?? null;
  },

  async own(path, body) {
    const said = await this.client.post("/v1/own/" + path, body);
    await this.refresh();
    return said;
  },

  publish(offer) {
    return this.own("publish", offer);
  },

  withdraw(slot) {
    return this.own("withdraw", { slot });
  },

  confirm(id) {
    return this.own("confirm", { id });
  },

  decline(id) {
    return this.own("decline", { id });
  },

  cancelRequest(id) {
    return this.own("cancel", { id });
  },

  addPattern(text) {
    return this.own("pattern", { add: text });
  },

  removePattern(id) {
    return this.own("pattern", { remove: id });
  },

  pause(from, to) {
    return this.own("pause", { add: `${from}..${to}` });
  },

  removePause(from) {
    const pause = this.practice()?.pauses.find((one) => one.from === from);
    return this.own("pause", { remove: pause?.id ?? 0 });
  },

  importCalendar(text) {
    return this.own("import", { ics: text });
  },
});
