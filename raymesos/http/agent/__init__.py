"""What is served at the address of each agent: executors' own API, files of sandboxes, containers, and what an operator asks one agent."""
