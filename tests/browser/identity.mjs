// An identity provider that nobody here wrote, for stories: `node identity.mjs PORT REDIRECT_URI…`. Whoever types an e-mail
// address is who it names; any password will do. Says when it listens and which tokens it gives, a
// line of JSON each, and ends with its input.
import Provider from 'oidc-provider';

const [port, ...redirects] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'atelier',
      client_secret: 'a-secret-of-the-story',
      redirect_uris: redirects,
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  cookies: { keys: ['a key of the story'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: id,
      email_verified: !id.startsWith('unverified'),
      name: id.split('@')[0],
    }),
  }),
});

// What it hands out, so that a story can look for it.
provider.on('grant.success', ({ body }) =>
  console.log(JSON.stringify({ tokens: [body.access_token, body.id_token] })),
);

const server = provider.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ issuer })));
process.stdin.resume();
process.stdin.on('end', () => {
  server.closeAllConnections();
  process.exit(0);
});
