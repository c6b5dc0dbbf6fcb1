"""Image classification streamed through Apache Kafka."""
