"""Rights in the cluster: what each command needs, and Roles for people who work in one namespace."""
