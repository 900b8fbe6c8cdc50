package initramfs

import "strings"

// Update is the distribution's command that rebuilds all images of a maker; nil if the maker
// is unknown.
func (m Maker) Update() []string {
	switch m {
	case InitramfsTools:
		return []string{"update-initramfs", "-u", "-k", "all"}
	case Dracut:
		return []string{"dracut", "--regenerate-all", "--force"}
	case Mkinitcpio:
		return []string{"mkinitcpio", "-P"}
	}
	return nil
}

// UpdateWords is Update for a sentence.
func (m Maker) UpdateWords() string {
	if c := m.Update(); c != nil {
		return strings.Join(c, " ")
	}
	return "the program that makes the image"
}
