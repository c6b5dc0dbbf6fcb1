// What this platform changes in configurable-http-proxy. Node loads this file before the proxy's own
// program (`node --import`).

import fs from "node:fs";
import http from "node:http";
import net from "node:net";

import ConfigurableProxy from "configurable-http-proxy/lib/configproxy.js";

// The settings of the same names, as the hub's pages follow them.
const { TEAM_NAME: team = "", TEAM_COLOUR: colour = "" } = process.env;
const NAME = team || "Mosshub";
const STYLE = /^#[0-9a-f]{6}$/i.test(colour) ? `<style>:root { --team: ${colour}; }</style>\n` : "";
const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const PAGE = fs.readFileSync(new URL("../pages/static/unavailable.html", import.meta.url), "utf8")
  .replaceAll("{{ team_name }}", () => escape(NAME)).replace("{{ team_style }}", STYLE);
const SENTENCE = `${NAME} does not answer at the moment. Try again in a minute.\n`;
const RETRY_SECONDS = "5";

// WORKAROUND(configurable-http-proxy 5.3.0): without the hub, which makes its error pages, it sends
// two words instead of its --error-path. Test: test_a_hub_that_is_away_is_explained
// A proxy that has just started knows no route yet: that is no 404 either.
ConfigurableProxy.prototype._handleProxyErrorDefault = function (asked, kind, req, res) {
  if (res.writableEnded) return;
  const code = asked === 400 ? 400 : 503;
  const isPage = (req.headers.accept || "").includes("text/html");
  const body = code !== 503 ? http.STATUS_CODES[code] : isPage ? PAGE : SENTENCE;
  if (!res.headersSent && res.writeHead) {
    const type = isPage && code === 503 ? "text/html" : "text/plain";
    const headers = { "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "no-store" };
    res.writeHead(code, code === 503 ? { ...headers, "Retry-After": RETRY_SECONDS } : headers);
  }
  if (res.write) res.write(body);
  if (res.end) res.end();
};

// WORKAROUND(configurable-http-proxy 5.3.0): it logs the whole address of a request whose address is
// malformed, with the query, and calls it an error of its own.
// Test: test_targets_that_no_browser_sends
const handleProxyError = ConfigurableProxy.prototype.handleProxyError;
ConfigurableProxy.prototype.handleProxyError = function (code, kind, req, res, error) {
  if (error?.code !== "ERR_INVALID_URL" && !(error instanceof URIError)) {
    return handleProxyError.call(this, code, kind, req, res, error);
  }
  const known = Object.assign(new Error(error.message), { code: "ECONNREFUSED" }); // no stack
  return handleProxyError.call(this, 400, kind, req, res, known);
};

// A machine that is gone refuses nothing: a page would wait for two minutes until the kernel gives
// up. A server that is there takes a connection at once, however busy it is.
const CONNECT_MS = 5000;
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...where) {
  const socket = connect.apply(this, where);
  if (socket.connecting) {
    const gone = () => socket.destroy(Object.assign(new Error("connect ETIMEDOUT"), { code: "ETIMEDOUT" }));
    const timer = setTimeout(() => socket.connecting && gone(), CONNECT_MS);
    for (const end of ["connect", "close"]) socket.once(end, () => clearTimeout(timer));
  }
  return socket;
};

// For the same reason a connection to a server is used again only at once. On one that was kept for
// longer, a request to a machine that was lost meanwhile would wait for a quarter of an hour, and one
// to a new server at its address as well.
const KEPT_MS = 1000;
http.Agent = class extends http.Agent {
  constructor(options) {
    super({ ...options, timeout: KEPT_MS }); // ends what is idle; a request may take as long as it likes
  }
};
