"""The real-or-fake study of the paper (section 4.1, "AMT perceptual studies"; Tables 4 and 5).

A study is a folder that passes from one command to the next:

study.yaml      what is asked and how: `settings`
images/         real/ and one folder an algorithm: PNG of one size, numbered alike: `making`
invites.txt     one-time invite codes to hand out, where there are any
answers.sqlite  sessions, their trials, what was answered: `answers`

`plan` draws a session's trials, `app` is the web page's server, `serving` runs it, `report` and
`statistics` make the table.
"""
