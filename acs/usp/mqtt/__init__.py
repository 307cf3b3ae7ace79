"""USP over MQTT (TR-369, MQTT Binding): the broker's link, its topics, presence, own broker."""
