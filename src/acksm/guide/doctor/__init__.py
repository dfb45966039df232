"""What is wrong and what puts it right: checks of everything, one object followed to AWS, the support bundle."""
