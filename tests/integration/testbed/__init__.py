"""The integration tests' own bed: a real control plane, the operator as a process, real and
scripted mail servers."""
