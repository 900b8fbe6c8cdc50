package tool

import (
	"errors"
	"testing"
	"time"
)

func TestDownloadIsTriedAgain(t *testing.T) {
	pauses := downloadPauses
	downloadPauses = []time.Duration{0, 0, 0, 0}
	defer func() { downloadPauses = pauses }()
	attempts := 0
	Download(t, "nothing", func() error {
		if attempts++; attempts < 5 {
			return errors.New("the network is down")
		}
		return nil
	})
	if attempts != 5 {
		t.Errorf("%d attempts", attempts)
	}
}
