"""What a line says, what its neighbours say, and the model that judges it by both."""
