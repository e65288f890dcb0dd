"""Who may do what over HTTP: the gate in front of every app, principals, ACLs, limits, and the audit log."""
