"""The output to an MQTT broker: the connection, the messages, the commands, Home Assistant."""
