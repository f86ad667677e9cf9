// What this page keeps in the browser: rows of the core, alerts, what the person chose. All under one prefix, so that
// all of it can be deleted. A browser that keeps nothing (a private window) loses it with the window, and says so.
class Store {
  constructor() {
    this.prefix = "qpc-termine:";
    this.memory = new Map();
    try {
      localStorage.setItem(this.prefix + "test", "1");
      localStorage.removeItem(this.prefix + "test");
      this.kept = true;
    } catch {
      this.kept = false;
    }
  }

  keys() {
    if (!this.kept) return [...this.memory.keys()];
    const keys = [];
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (key.startsWith(this.prefix)) keys.push(key.slice(this.prefix.length));
    }
    return keys;
  }

  get(key) {
    return this.kept ? localStorage.getItem(this.prefix + key) : (this.memory.get(key) ?? null);
  }

  // Throws when the browser has no room: then nothing may be sent that depends on it.
  set(key, value) {
    if (value === null) {
      if (this.kept) localStorage.removeItem(this.prefix + key);
      else this.memory.delete(key);
    } else if (this.kept) localStorage.setItem(this.prefix + key, value);
    else this.memory.set(key, value);
  }

  read(key, otherwise) {
    try {
      return JSON.parse(this.get(key)) ?? otherwise;
    } catch {
      return otherwise;
    }
  }

  write(key, value) {
    this.set(key, JSON.stringify(value));
  }

  rows() {
    return this.keys()
      .filter((key) => key.startsWith("row:"))
      .map((key) => [key.slice(4), this.get(key)]);
  }

  forget() {
    for (const key of this.keys()) this.set(key, null);
  }
}
