// The actions of the node's policy (access/policy.go) that the page asks about.
export type Action =
  | 'study.list' | 'study.view' | 'study.upload' | 'study.diagnose' | 'finding.review' | 'report.sign'
  | 'consent.view' | 'consent.change' | 'model.view' | 'federation.view' | 'audit.view' | 'user.manage' | 'token.own'
  | 'settings.view' | 'settings.change' | 'status.view';
