#!/bin/sh
# As in the official image: flags alone mean haproxy, which runs in the foreground as a master
# with workers, so that SIGUSR2 reloads it.
set -eu
case "${1:-}" in
  -*) exec haproxy -W -db "$@" ;;
  haproxy) shift; exec haproxy -W -db "$@" ;;
  *) exec "$@" ;;
esac
