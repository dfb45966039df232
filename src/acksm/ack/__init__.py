"""What ACK is and how its controllers behave: versions, kinds, controllers, objects and what they say."""
