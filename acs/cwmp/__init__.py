"""TR-069: messages, SOAP codec, session machine, authentication and the HTTP edge."""
