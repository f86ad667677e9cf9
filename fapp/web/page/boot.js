// Begins: starts the core, finds the node, and hands over to the page.
(async () => {
  try {
    const store = new Store();
    const core = await Core.start();
    const script = document.currentScript?.textContent ?? document.scripts[document.scripts.length - 1].textContent;
    const style = document.querySelector("style").textContent;
    const hash = core.sha256(core.sha256(script) + core.sha256(style) + core.sha256(core.bytes));
    const origin = location.protocol === "file:" ? "disk" : "served";
    const token = takeToken();
    let base = origin === "served" ? location.origin : (store.get("node") ?? "");
    let node = null;
    while (node === null) {
      if (base === "") base = withScheme(await askNodeAddress(store.get("node") ?? ""));
      const client = new NodeClient(base, token);
      try {
        node = await client.json("/v1/node");
        if (origin === "disk") store.set("node", base);
      } catch (error) {
        if (origin === "served") throw error;
        base = "";
        continue;
      }
      const mode = token !== null && node.role === "own" ? "own" : "visitor";
      const session = new Session({ core, store, client, node, mode, origin, hash });
      if (mode === "own") await session.refresh();
      session.open();
      await startPage(session);
    }
  } catch (error) {
    showStartError(error.message);
  }
})();

// An address as people type it, as one that can be asked.
function withScheme(address) {
  const bare = address.trim().replace(/\/+$/, "");
  return /^https?:/i.test(bare) ? bare : "http://" + bare;
}

// The token came in the address, behind the #, which no server sees. It is kept for this tab alone, and leaves the address.
function takeToken() {
  const given = /^#token=([0-9a-f]{64})$/.exec(location.hash);
  try {
    if (given) {
      sessionStorage.setItem("qpc-token", given[1]);
      history.replaceState(null, "", location.pathname);
    }
    return sessionStorage.getItem("qpc-token");
  } catch {
    return given ? given[1] : null;
  }
}
