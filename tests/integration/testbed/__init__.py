"""The testbed of the integration tests: a real control plane, the operator as a process, real
and scripted mail servers."""
