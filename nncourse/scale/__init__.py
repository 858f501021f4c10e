"""Scale: what large models cost, how they are made smaller, how processes share the work."""
