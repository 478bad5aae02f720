"""Kafka: live events from topics. Needs the extra `kafka`; nothing here is imported without it."""
