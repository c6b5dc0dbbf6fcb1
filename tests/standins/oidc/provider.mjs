// An OpenID provider for the tests, configured as strictly as many real ones: it tells a user's groups
// only to a client that asks for the scope `groups`, and it names its endpoints by the address at which
// it is asked. The environment has ADDRESS, PORT, ISSUER, CLIENT_SECRET and REDIRECT (the platform's address).

import Provider from "oidc-provider";

const { ADDRESS, PORT, ISSUER, CLIENT_SECRET, REDIRECT } = process.env;

const users = {
  ada: { groups: ["team"], email_verified: true },
  grace: { groups: ["team", "admins"], email_verified: true },
  mallory: { groups: ["strangers"], email_verified: true },
  eve: { groups: ["team"], email_verified: false },
  nameless: { groups: ["team"], preferred_username: undefined },
};

// Remembers everything. The library's own adapter forgets the oldest of 1,000 things: 150 sign-ins.
class Memory {
  static #kept = new Map();
  #name;
  constructor(name) {
    this.#name = name;
  }
  #key = (id) => `${this.#name}:${id}`;
  async upsert(id, payload) {
    Memory.#kept.set(this.#key(id), payload);
  }
  async find(id) {
    return Memory.#kept.get(this.#key(id));
  }
  async findByUid(uid) {
    for (const [key, kept] of Memory.#kept) if (key.startsWith(this.#key("")) && kept.uid === uid) return kept;
  }
  async consume(id) {
    (await this.find(id)).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    Memory.#kept.delete(this.#key(id));
  }
  async revokeByGrantId(grantId) {
    for (const [key, kept] of Memory.#kept) if (kept.grantId === grantId) Memory.#kept.delete(key);
  }
}

const provider = new Provider(ISSUER, {
  adapter: Memory,
  clients: [
    {
      client_id: "mosshub",
      client_secret: CLIENT_SECRET,
      redirect_uris: [`${REDIRECT}/hub/oauth_callback`],
      post_logout_redirect_uris: [`${REDIRECT}/hub/login`],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  claims: {
    openid: ["sub"],
    profile: ["name", "preferred_username"],
    email: ["email", "email_verified"],
    groups: ["groups"],
  },
  scopes: ["openid", "offline_access", "profile", "email", "groups"],
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: `id-of-${id}`, preferred_username: id, email: `${id}@example.org`, ...users[id] }),
  }),
  pkce: { required: () => false },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
});

provider.listen(Number(PORT), ADDRESS, () => console.log("listening"));
