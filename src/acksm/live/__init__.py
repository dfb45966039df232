"""ACK in a live cluster: its controllers, its objects and what they report, the bindings of namespaces."""
