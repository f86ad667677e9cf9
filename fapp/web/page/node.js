// The node that this page asks. A visitor's page asks for regions, keys of mailbox nodes, and has sealed bytes carried;
// nothing else leaves the browser.
class NodeClient {
  constructor(base, token) {
    this.base = base;
    this.token = token;
  }

  async fetch(path, options = {}, wait_s = 20) {
    const own = path.startsWith("/v1/own/");
    let response;
    try {
      response = await fetch(this.base + path, {
        ...options,
        headers: own ? { ...options.headers, Authorization: `Bearer ${this.token}` } : options.headers,
        credentials: "omit",
        cache: "no-store",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(wait_s * 1000),
      });
    } catch {
      throw new Error(Language.say("error_node_unreachable"));
    }
    if (!response.ok) {
      const text = await response.text().catch(() => "");
      const error = new Error(text.slice(0, 300) || Language.say("error_node_unreachable"));
      error.status = response.status;
      throw error;
    }
    return response;
  }

  async json(path) {
    return (await this.fetch(path)).json();
  }

  async bytes(path, options, wait_s) {
    return new Uint8Array(await (await this.fetch(path, options, wait_s)).arrayBuffer());
  }

  async post(path, body) {
    const options = { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    return (await this.fetch(path, options)).json();
  }
}
