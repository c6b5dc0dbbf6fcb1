# What the scripts of this directory share: the platform's settings and `compose`.
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

# random BYTES: random bytes in hexadecimal.
random() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }

# write_secret NAME: write standard input to the secret's file, all of it or nothing.
write_secret() {
  cat > "$SECRETS/.$1.new"
  mv "$SECRETS/.$1.new" "$SECRETS/$1"
}

# secret NAME BYTES: generate the secret if it is missing. Containers read it as another user, so its
# mode is open and the directory is closed.
secret() {
  [ -s "$SECRETS/$1" ] || random "$2" | write_secret "$1"
  chmod 0644 "$SECRETS/$1"
}

# platform_secrets: generate what hub, proxy and broker share.
platform_secrets() {
  mkdir -p "$SECRETS"
  chmod 0700 "$SECRETS"
  for name in proxy_token cookie_secret crypt_key broker_secret; do secret $name 32; done
  [ "$(setting MONITORING no)" != yes ] || for name in metrics_token grafana_secret; do secret $name 32; done
  case $(setting DATABASE_URL "") in *@postgres/* | *@postgres:*) secret database_password 32 ;; esac
}

# fingerprint PATH…: a number that changes with the content of the files. As a label it makes compose
# recreate a container when a mounted file changes. What only backups read changes no other container.
fingerprint() { find "$@" -type f ! -name 'backup_*' -exec cksum {} + | sort | cksum | cut -d ' ' -f 1; }

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
  load_users_subnet
  load_own_kafka
  load_database
  load_backup
  case $SUBDOMAINS in yes | no) ;; *) die "SUBDOMAINS=$SUBDOMAINS: expected yes or no." ;; esac
  case $TLS in auto | internal | files | elsewhere) ;; *) die "TLS=$TLS: expected auto, internal, files or elsewhere." ;; esac
  USERS_SITE=some
  [ "$SUBDOMAINS" = yes ] || USERS_SITE=none
  if [ -n "$DOMAIN" ]; then PUBLIC_URL=https://$DOMAIN; else PUBLIC_URL=http://localhost:$PORT; fi
  COMPOSE_PROJECT_NAME=$INSTANCE
  export SETTINGS SECRETS INSTANCE PORT DOMAIN TLS SUBDOMAINS USERS_SITE HUB_IMAGE SIGN_IN PUBLIC_URL COMPOSE_PROJECT_NAME \
    KAFKA_PUBLIC KAFKA_PUBLIC_PORT
  load_monitoring

  CADDY_FILES=$(fingerprint caddy)
  [ "$TLS" != files ] || [ ! -f "$SECRETS/tls_certificate" ] ||
    CADDY_FILES=$(fingerprint caddy "$SECRETS/tls_certificate" "$SECRETS/tls_key")
  ENGINE_FILES=$(fingerprint engine)
  FIREWALL_FILES=$(fingerprint firewall)
  DEMO_FILES=$(fingerprint demo/realm.json)
  export CADDY_FILES ENGINE_FILES FIREWALL_FILES DEMO_FILES
  if [ -s "$SECRETS/proxy_token" ]; then
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

# load_users_subnet: the addresses of users' servers. They are outside of the pools from which Docker gives
# networks theirs: Docker 20.10 counts on in these with each network, and would come to them. A network
# that is there keeps its own.
load_users_subnet() {
  USERS_SUBNET=$(setting USERS_SUBNET "")
  [ -n "$USERS_SUBNET" ] || USERS_SUBNET=$(docker network inspect "$INSTANCE-users" \
    --format '{{range .IPAM.Config}}{{.Subnet}}{{end}}' 2>/dev/null) || USERS_SUBNET=
  USERS_SUBNET=${USERS_SUBNET:-172.16.240.0/20}
  export USERS_SUBNET
}

# load_own_kafka: the address of a Kafka of the team's own, and what the hub needs there.
load_own_kafka() {
  KAFKA_BOOTSTRAP_SERVERS=$(setting KAFKA_BOOTSTRAP_SERVERS "")
  export KAFKA_BOOTSTRAP_SERVERS
  [ -n "$KAFKA_BOOTSTRAP_SERVERS" ] || return 0
  [ -z "$KAFKA_PUBLIC" ] || die "KAFKA_PUBLIC is the address of the platform's broker, which does not run with" \
    "KAFKA_BOOTSTRAP_SERVERS: leave one of them empty."
  [ -s "$SECRETS/kafka_admin_password" ] || die "KAFKA_BOOTSTRAP_SERVERS names a Kafka of yours: write the password" \
    "of its account mosshub.hub into $(shown "$SECRETS")/kafka_admin_password (docs/deploy.md)."
  [ -e "$SECRETS/kafka_authority" ] || : > "$SECRETS/kafka_authority"
  chmod 0644 "$SECRETS/kafka_admin_password" "$SECRETS/kafka_authority"
}

# load_database: what DATABASE_URL says, postgresql://user@host/database.
load_database() {
  DATABASE_URL=$(setting DATABASE_URL "")
  DATABASE_USER=${DATABASE_URL#*://} DATABASE_NAME=${DATABASE_URL##*/} DATABASE_HOST=${DATABASE_URL#*@}
  DATABASE_USER=${DATABASE_USER%%@*} DATABASE_HOST=${DATABASE_HOST%%/*}
  DATABASE_HOST=${DATABASE_HOST%%:*}
  export DATABASE_URL DATABASE_USER DATABASE_NAME
  [ -z "$DATABASE_URL" ] || [ -s "$SECRETS/database_password" ] || [ "$DATABASE_HOST" = postgres ] ||
    die "DATABASE_URL names a Postgres of yours: write the password of $DATABASE_USER into" \
      "$(shown "$SECRETS")/database_password."
}

# load_backup: where backups go, and what compose needs to make one.
load_backup() {
  BACKUP_TO=$(setting BACKUP_TO "") BACKUP_AT=$(setting BACKUP_AT "")
  BACKUP_DIR=backup-work
  case $BACKUP_TO in /*) BACKUP_DIR=$BACKUP_TO ;; esac
  BACKUP_HOST=$INSTANCE.$(uname -n | cut -c 1-30)
  BACKUP_TIMEZONE=$(setting BACKUP_TIMEZONE "")
  [ -n "$BACKUP_TIMEZONE" ] || [ ! -L /etc/localtime ] ||
    BACKUP_TIMEZONE=$(readlink -f /etc/localtime | sed -n 's|.*/zoneinfo/||p')
  DOCKER_VOLUMES=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null || echo /var/lib/docker)/volumes
  export BACKUP_TO BACKUP_AT BACKUP_DIR BACKUP_HOST BACKUP_TIMEZONE DOCKER_VOLUMES
  [ -z "$BACKUP_AT" ] || [ -n "$BACKUP_TO" ] ||
    die "BACKUP_AT=$BACKUP_AT: say where backups go, too (BACKUP_TO)."
}

# load_monitoring: whether somebody watches the platform, and where browsers find Grafana.
load_monitoring() {
  MONITORING=$(setting MONITORING no)
  case $MONITORING in yes | no) ;; *) die "MONITORING=$MONITORING: expected yes or no." ;; esac
  [ "$MONITORING" = yes ] || return 0
  [ "$SUBDOMAINS" = yes ] || die "MONITORING=yes needs SUBDOMAINS=yes: Grafana has a host of its own," \
    "so that its pages cannot act at the hub."
  GRAFANA_PUBLIC_URL=${PUBLIC_URL%%://*}://grafana--service.${PUBLIC_URL#*://}
  GRAFANA_COOKIE_SECURE=false
  [ -z "$DOMAIN" ] || GRAFANA_COOKIE_SECURE=true
  MONITORING_FILES=$(fingerprint monitoring)
  export GRAFANA_PUBLIC_URL GRAFANA_COOKIE_SECURE MONITORING_FILES
}

# backup_passphrase: generate the passphrase of the backups if it is missing, and say what it is for.
backup_passphrase() {
  [ ! -s "$SECRETS/backup_passphrase" ] || return 0
  secret backup_passphrase 24
  say "The passphrase of the backups is in $(shown "$SECRETS")/backup_passphrase. Keep a copy elsewhere:" \
    "without it nobody can read them, also not after this host is lost."
}

# compose ARGUMENT…: docker compose with this platform's files, settings and profile. `down` also takes
# away the networks of backups that were made by hand, and of those who watched before.
compose() {
  backup=$BACKUP_AT${WITH_BACKUP:-} watched=$MONITORING
  [ "${1:-}" != down ] || backup=yes watched=yes
  set -- --env-file "$SETTINGS" "$@"
  [ "$SIGN_IN" != demo ] || set -- --profile demo "$@"
  [ -z "$DOMAIN" ] || [ "$TLS" != files ] || set -- --file tls-files.yaml "$@"
  edge=https.yaml
  [ "$TLS" != elsewhere ] || edge=behind.yaml
  [ -z "$DOMAIN" ] || set -- --file $edge "$@"
  [ -z "$KAFKA_BOOTSTRAP_SERVERS" ] || set -- --file own-kafka.yaml "$@"
  [ -z "$KAFKA_BOOTSTRAP_SERVERS" ] || [ "$watched" != yes ] || set -- --file own-kafka-watch.yaml "$@"
  [ -z "$KAFKA_PUBLIC" ] || set -- --file kafka-public.yaml "$@"
  [ -z "$backup" ] || [ -z "$DATABASE_URL" ] || set -- --file backup-database.yaml "$@"
  [ -z "$backup" ] || set -- --file backup.yaml "$@"
  [ "$watched" != yes ] || set -- --file monitoring.yaml "$@"
  [ "$DATABASE_HOST" != postgres ] || set -- --file postgres.yaml "$@"
  [ -z "$DATABASE_URL" ] || set -- --file database.yaml "$@"
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
