package server

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"consilium/access"
	"consilium/clinical"
	"consilium/fault"
	"consilium/registry"
)

// ModelCard tells what a model is for and how good it was.
type ModelCard struct {
	Name        string            `json:"name"`
	Version     string            `json:"version"`
	Digest      string            `json:"digest"`
	Title       string            `json:"title"`
	Task        string            `json:"task"`
	Kind        clinical.Kind     `json:"kind"`
	IntendedUse string            `json:"intendedUse"`
	Limitations []string          `json:"limitations"`
	Labels      []string          `json:"labels"`
	Metrics     []registry.Figure `json:"metrics"`
	Trained     string            `json:"trained"`
	Licence     string            `json:"licence"`
	Parameters  int               `json:"parameters"`
	Synthetic   bool              `json:"synthetic" doc:"learnt from generated data"`
	Signer      string            `json:"signer" doc:"fingerprint of the key that signed it"`
}

// Markdown is a text in Markdown.
type Markdown struct {
	Markdown string `json:"markdown"`
}

func (s *Server) modelRoutes(api huma.API) {
	handle(s, api, on("GET", "/api/v1/models", "models", "Models that diagnose here", access.ModelView), s.listModels)
	handle(s, api, on("GET", "/api/v1/models/{name}/card", "models", "A model's card", access.ModelView), s.modelCard)
}

func (s *Server) listModels(context.Context, *none) (*body[[]ModelCard], error) {
	return &body[[]ModelCard]{listed(s.Models, cardOf).Body.Items}, nil
}

func cardOf(b *registry.Bundle) ModelCard {
	c := b.Card
	out := ModelCard{Name: c.Name, Version: c.Version, Digest: b.Digest(), Title: c.Task, Task: c.Task, Kind: c.Kind, IntendedUse: c.IntendedUse,
		Limitations: append([]string{}, c.Limits...), Labels: []string{}, Metrics: append([]registry.Figure{}, c.Figures...), Trained: c.Trained,
		Licence: c.Licence, Parameters: c.Parameters, Synthetic: c.Synthetic, Signer: b.Signer()}
	for _, l := range c.Labels {
		out.Labels = append(out.Labels, l.Name)
	}
	return out
}

func (s *Server) modelCard(_ context.Context, in *struct {
	Name string `path:"name" maxLength:"128"`
}) (*body[Markdown], error) {
	for _, b := range s.Models {
		if b.Card.Name == in.Name || b.Card.Name+"@"+b.Card.Version == in.Name {
			return &body[Markdown]{Markdown{b.Card.Markdown()}}, nil
		}
	}
	return nil, fault.New(fault.ModelMissing, "no such model diagnoses here", "take a name from the list of models")
}
