// What this platform changes in configurable-http-proxy. Node loads this file before the proxy's own
// program (`node --import`).

import ConfigurableProxy from "configurable-http-proxy/lib/configproxy.js";

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
