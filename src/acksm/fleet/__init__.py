"""Many clusters from one file: the same commands, in waves, and what is wrong between clusters."""
