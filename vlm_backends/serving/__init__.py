"""The OpenAI wire from the server's side: a request becomes a question, an answer payloads, at a desk with places."""
