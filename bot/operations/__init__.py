"""What an operator looks at: health and figures over HTTP, and the state of things in the terminal."""
