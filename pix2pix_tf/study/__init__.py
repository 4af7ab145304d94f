"""The real-or-fake study of the paper (section 4.1, "AMT perceptual studies"; Tables 4 and 5).

A study is a folder that the commands share:

    study.yaml      the question and the protocol: `settings`
    images/         real/ and a folder for each algorithm: PNG files of one size, numbered alike
    invites.txt     one-time invite codes to hand out, where the study has them
    answers.sqlite  sessions, their trials and the answers: `database`

`create` makes the folder from images that `sources` matches; `plan` draws the trials of a session;
`app` and `requests` are the web page's server, which `serving` runs; `timing` checks the times
that browsers report; `report` and `statistics` compute the table.
"""
