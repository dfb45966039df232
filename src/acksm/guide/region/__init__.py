"""Guide §5: default regions of namespaces, and which source decides for an object."""
