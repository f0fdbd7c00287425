package train

import (
	"github.com/gomlx/compute"

	"consilium/zoo"
)

func newTestModel(backend compute.Backend, arch string, input []int) (*Model, error) {
	a, err := zoo.Get(arch)
	if err != nil {
		return nil, err
	}
	return NewModel(backend, a.Build(4), input, 4, 1)
}
