package panel

import (
	"consilium/explain"
	"consilium/fault"
	"consilium/intake"
)

func draw(a *agent, item intake.Item, m explain.Map, label, method string) ([]byte, string, error) {
	return nil, "", fault.New(fault.ModelUnsupported, "pending", "")
}
