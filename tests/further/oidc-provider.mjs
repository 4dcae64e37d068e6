// A real authorization server for tests/oauth2/further.rs: npm's oidc-provider, on loopback, with a client for followsift and one for
// Dovecot. Any name and any password sign in. Arguments: the folder of node_modules, the port of the issuer, the port to listen at, the
// life of an access token in seconds.
import { createRequire } from 'node:module';

const [modules, issuer, port, life] = process.argv.slice(2);
const { Provider } = await import(createRequire(`${modules}/`).resolve('oidc-provider'));

const provider = new Provider(`http://127.0.0.1:${issuer}`, {
  clients: [
    {
      client_id: 'followsift',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1/'],
    },
    { client_id: 'dovecot', client_secret: 'dovecot-secret', grant_types: [], response_types: [], redirect_uris: [] },
  ],
  scopes: ['openid', 'offline_access'],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: (_, token) => ({ username: token.accountId }),
  // Each refresh gives a new refresh token; the old one used again ends the whole grant.
  rotateRefreshToken: true,
  cookies: { keys: ['tests'] },
  ttl: {
    AccessToken: Number(life), RefreshToken: 86400, DeviceCode: 600, Interaction: 600, Session: 3600, Grant: 86400, IdToken: 600,
    AuthorizationCode: 60,
  },
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_, client) => client.clientId === 'dovecot' },
  },
});
provider.on('server_error', (_, error) => console.log(error.stack));
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
