// Package report shows the result of an audit: as text for people, as JSON
// whose schemas are in docs/schema, and as pictures for Graphviz and Mermaid.
//
// It decides nothing about the host. Its one rule of its own is that whatever
// came from the kernel or out of a file passes Escape before a terminal can
// see it.
package report
