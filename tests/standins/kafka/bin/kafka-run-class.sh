#!/bin/bash
# Run a class of the distribution with the variables that the official script knows.
set -eu
home=$(cd "$(dirname "$0")/.." && pwd)
# Not the official image's collector and compiler: those are for brokers that live longer than a test.
: "${KAFKA_HEAP_OPTS=-Xmx256M}"
: "${KAFKA_JVM_PERFORMANCE_OPTS=-XX:+UseSerialGC -XX:TieredStopAtLevel=1}"
: "${KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=$home/config/tools-log4j2.yaml}"
# Options are lists of words on purpose.
# shellcheck disable=SC2086
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" $KAFKA_HEAP_OPTS $KAFKA_JVM_PERFORMANCE_OPTS \
  -Djava.awt.headless=true "-Dkafka.logs.dir=${LOG_DIR:-$home/logs}" $KAFKA_LOG4J_OPTS \
  ${KAFKA_JMX_OPTS:-} ${KAFKA_OPTS:-} -cp "$home/libs/*" "$@"
