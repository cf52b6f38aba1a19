"""What is registered, and who needs which vectors."""
