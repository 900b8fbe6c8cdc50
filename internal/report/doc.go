// Package report shows results: as text for people, as JSON with schemas in
// docs/schema, as pictures for Graphviz and Mermaid, and in formats of other programs.
//
// It decides nothing about the host. It passes everything that came from the kernel or
// a file through Escape before a terminal can show it.
package report
