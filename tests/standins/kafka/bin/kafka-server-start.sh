#!/bin/bash
# kafka-server-start.sh server.properties [--override name=value]
set -eu
bin=$(cd "$(dirname "$0")" && pwd)
: "${KAFKA_HEAP_OPTS=-Xmx1G -Xms1G}"
: "${KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=$bin/../config/log4j2.yaml}"
export KAFKA_HEAP_OPTS KAFKA_LOG4J_OPTS
exec "$bin/kafka-run-class.sh" kafka.Kafka "$@"
