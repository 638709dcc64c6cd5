package main

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// apiToken has the fields of an ApiToken that the load program or the Go operator writes.
type apiToken struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              apiTokenSpec   `json:"spec"`
	Status            apiTokenStatus `json:"status,omitzero"`
}

type apiTokenSpec struct {
	User        string `json:"user"`
	Description string `json:"description,omitempty"`
}

type apiTokenStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	TokenHash          string             `json:"tokenHash,omitempty"`
	IssuedAt           metav1.Time        `json:"issuedAt,omitzero"`
	ExpiresAt          metav1.Time        `json:"expiresAt,omitzero"`
}

type apiTokenList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []apiToken `json:"items"`
}

func (t *apiToken) copy() apiToken {
	copied := *t
	t.ObjectMeta.DeepCopyInto(&copied.ObjectMeta)
	copied.Status.Conditions = slices.Clone(t.Status.Conditions)
	return copied
}

func (t *apiToken) DeepCopyObject() runtime.Object {
	copied := t.copy()
	return &copied
}

func (l *apiTokenList) DeepCopyObject() runtime.Object {
	copied := *l
	l.ListMeta.DeepCopyInto(&copied.ListMeta)
	copied.Items = make([]apiToken, len(l.Items))
	for i := range l.Items {
		copied.Items[i] = l.Items[i].copy()
	}
	return &copied
}

// peerScheme has the types of Kubernetes and the ApiToken.
func peerScheme() *runtime.Scheme {
	types := runtime.NewScheme()
	exitOn(scheme.AddToScheme(types))
	group := schema.GroupVersion{Group: "apitoken.dev", Version: "v1alpha1"}
	types.AddKnownTypeWithName(group.WithKind("ApiToken"), &apiToken{})
	types.AddKnownTypeWithName(group.WithKind("ApiTokenList"), &apiTokenList{})
	metav1.AddToGroupVersion(types, group)
	return types
}
