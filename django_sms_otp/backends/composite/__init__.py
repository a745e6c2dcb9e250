"""What backends share that hand messages to others: routes, and circuits over sick gateways."""
