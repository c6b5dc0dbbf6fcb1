# What the scripts `up`, `down`, `compose` and `purge-user` share: the platform's settings and `compose`.
# They source this file (POSIX sh).
set -eu
cd "$(dirname "$0")"

# DEMO=1 means the demo, which has its own settings, secrets, containers and volumes.
if [ "${DEMO:-}" = 1 ]; then
  SETTINGS=${SETTINGS:-./demo/.env} SECRETS=${SECRETS:-./demo/secrets}
else
  SETTINGS=${SETTINGS:-./.env} SECRETS=${SECRETS:-./secrets}
fi

# shown PATH: the path as messages name it, relative to the repository if it is below this directory.
shown() { case $1 in ./*) printf %s "docker/${1#./}" ;; *) printf %s "$1" ;; esac; }

say() { echo "$*"; }
die() { for line in "$@"; do echo "$line" >&2; done; exit 1; }

# setting NAME DEFAULT: its value in the environment, else in the settings file, else DEFAULT.
setting() {
  value=$(eval "printf %s \"\${$1:-}\"")
  if [ -z "$value" ] && [ -f "$SETTINGS" ]; then
    value=$(sed -n "s/^$1=//p" "$SETTINGS" | tail -n 1 | sed "s/[[:space:]]*\$//; s/^\"\(.*\)\"\$/\1/; s/^'\(.*\)'\$/\1/")
  fi
  printf %s "${value:-$2}"
}

# fingerprint PATH…: a number that changes with the content of the files. As a label it makes compose
# recreate a container when a mounted file changes.
fingerprint() { find "$@" -type f -exec cksum {} + | sort | cksum | cut -d ' ' -f 1; }

# load: read the settings that the scripts and the compose files need. `compose` needs this first.
load() {
  INSTANCE=$(setting INSTANCE mosshub)
  PORT=$(setting PORT 8000)
  DOMAIN=$(setting DOMAIN "")
  TLS=$(setting TLS auto)
  SUBDOMAINS=$(setting SUBDOMAINS yes)
  HUB_IMAGE=$(setting HUB_IMAGE mosshub/hub:local)
  USER_IMAGES=$(setting USER_IMAGES mosshub/user:cpu)
  SIGN_IN=$(setting SIGN_IN elsewhere)
  KAFKA_PUBLIC=$(setting KAFKA_PUBLIC "")
  KAFKA_PUBLIC_PORT=${KAFKA_PUBLIC##*:}
  case $KAFKA_PUBLIC in
    "" | ?*:[0-9]*) ;;
    *) die "KAFKA_PUBLIC=$KAFKA_PUBLIC: expected host:port of the broker for clients outside this host." ;;
  esac
  case $SUBDOMAINS in yes | no) ;; *) die "SUBDOMAINS=$SUBDOMAINS: expected yes or no." ;; esac
  case $TLS in auto | internal | files) ;; *) die "TLS=$TLS: expected auto, internal or files." ;; esac
  USERS_SITE=some
  [ "$SUBDOMAINS" = yes ] || USERS_SITE=none
  if [ -n "$DOMAIN" ]; then PUBLIC_URL=https://$DOMAIN; else PUBLIC_URL=http://localhost:$PORT; fi
  COMPOSE_PROJECT_NAME=$INSTANCE
  export SETTINGS SECRETS INSTANCE PORT DOMAIN TLS SUBDOMAINS USERS_SITE HUB_IMAGE SIGN_IN PUBLIC_URL COMPOSE_PROJECT_NAME \
    KAFKA_PUBLIC KAFKA_PUBLIC_PORT

  CADDY_FILES=$(fingerprint caddy)
  [ "$TLS" != files ] || [ ! -f "$SECRETS/tls_certificate" ] ||
    CADDY_FILES=$(fingerprint caddy "$SECRETS/tls_certificate" "$SECRETS/tls_key")
  ENGINE_FILES=$(fingerprint engine)
  FIREWALL_FILES=$(fingerprint firewall)
  DEMO_FILES=$(fingerprint demo/realm.json)
  export CADDY_FILES ENGINE_FILES FIREWALL_FILES DEMO_FILES
  if [ -d "$SECRETS" ]; then
    PROXY_FILES=$(fingerprint proxy "$SECRETS/proxy_token")
    HUB_FILES=$(fingerprint "$SECRETS")
    KAFKA_FILES=$(fingerprint kafka "$SECRETS/broker_secret")
    [ -z "$KAFKA_PUBLIC" ] || KAFKA_FILES=$(fingerprint kafka "$SECRETS/broker_secret" "$SECRETS/kafka_certificate")
    export PROXY_FILES HUB_FILES KAFKA_FILES
  fi
  if [ "$SIGN_IN" = demo ] && [ -d "$SECRETS" ]; then
    DEMO_CLIENT_SECRET=$(cat "$SECRETS/oauth_client_secret")
    DEMO_ADMIN_PASSWORD=$(cat "$SECRETS/admin")
    DEMO_ADA_PASSWORD=$(cat "$SECRETS/ada")
    DEMO_LINUS_PASSWORD=$(cat "$SECRETS/linus")
    DEMO_GRACE_PASSWORD=$(cat "$SECRETS/grace")
    DEMO_MALLORY_PASSWORD=$(cat "$SECRETS/mallory")
    export DEMO_CLIENT_SECRET DEMO_ADMIN_PASSWORD DEMO_ADA_PASSWORD DEMO_LINUS_PASSWORD \
      DEMO_GRACE_PASSWORD DEMO_MALLORY_PASSWORD
  fi
}

# compose ARGUMENT…: docker compose with this platform's files, settings and profile.
compose() {
  set -- --env-file "$SETTINGS" "$@"
  [ "$SIGN_IN" != demo ] || set -- --profile demo "$@"
  [ -z "$DOMAIN" ] || [ "$TLS" != files ] || set -- --file tls-files.yaml "$@"
  [ -z "$DOMAIN" ] || set -- --file https.yaml "$@"
  [ -z "$KAFKA_PUBLIC" ] || set -- --file kafka-public.yaml "$@"
  docker compose --project-directory . --file compose.yaml "$@"
}

# check_engine: stop with a sentence if Docker or Compose cannot be used.
check_engine() {
  command -v docker >/dev/null ||
    die "Docker is not installed: https://docs.docker.com/engine/install/"
  docker info >/dev/null 2>&1 ||
    die "Docker's engine does not answer. Is it running, and may $(id -un) use it (group docker)?" \
      "$(docker info 2>&1 | tail -n 1)"
  version=$(docker compose version --short 2>/dev/null) ||
    die "Docker Compose 2 is missing: install the package docker-compose-plugin."
  version=${version#v}
  minor=${version#*.}
  [ "${version%%.*}" -gt 2 ] || [ "${minor%%.*}" -ge 25 ] ||
    die "Docker Compose $version is too old: 2.25 or newer is needed."
}

# user_containers FILTER…: ids of users' containers. Their names have "--", those of services do not.
user_containers() { docker ps --all --quiet --filter "network=$INSTANCE-users" --filter name=-- "$@"; }
