package synthetic

import (
	"testing"

	"consilium/dataset/settest"
)

func TestECGSet(t *testing.T) { settest.Run(t, ECGSet(60, 1)) }
