"""Who may see the page: access code, sessions, rate limit, allowed hosts, request guard."""
