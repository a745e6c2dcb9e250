"""What delivery costs: the time of ``get-code`` with a queue, and memory over many messages."""
