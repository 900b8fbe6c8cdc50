package manual

// Files returns the files that are generated from the manual, by their names in the
// tree.
func Files() (map[string]string, error) {
	p, err := Program()
	if err != nil {
		return nil, err
	}
	c, err := Configuration()
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"docs/linkaudit.1":                p.Mdoc(),
		"docs/linkaudit.conf.5":           c.Mdoc(),
		"cmd/linkaudit/help_generated.go": p.Help(),
	}, nil
}
